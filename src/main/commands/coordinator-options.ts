import { Option } from "commander";
import type { Command } from "commander";
import type { CoordinatorLimits } from "../../coordinator/index.js";
import type { RateLimits } from "../../gateway/index.js";
import { pickLimits, withLimitFlags } from "./limit-flags.js";
import type { LimitWords } from "./limit-flags.js";
import type { DoorOptions } from "./process-options.js";

/** What a coordinator is told. A limit that is left out has its default. */
export interface CoordinatorOptions
  extends DoorOptions, Partial<CoordinatorLimits>, Partial<RateLimits> {
  readonly reflection: boolean;
  readonly shortWay: "on" | "off";
}

/** Every limit of a coordinator is a flag. */
export const LIMIT_WORDS: LimitWords<CoordinatorLimits> = {
  requestBytesMax: "bytes of a request message (1048576)",
  responseBytesMax: "bytes of a response message (4194304)",
  deadlineMsMax: "milliseconds that a call may take (60000)",
  streamMsMax: "milliseconds that a stream may last (86400000)",
  headerBytesMax: "bytes of the headers of a request (16384)",
  streamsPerConnectionMax: "open calls of one HTTP/2 connection (100)",
  connectionsPerAddressMax: "connections of one address (1000)",
  resetsPerSecondMax: "calls that one HTTP/2 connection may break off in a second (100)",
  controlFramesPerSecondMax: "pings and settings of one HTTP/2 connection in a second (1000)",
  handshakeMs: "milliseconds for the TLS handshake of a connection (10000)",
  keepAliveMs: "milliseconds that an HTTP/1.1 connection may idle (65000)",
  pingMs: "milliseconds between two pings of an HTTP/2 connection (30000)",
};

export const RATE_WORDS: Readonly<Record<keyof RateLimits, string>> = {
  callsPerSecondMax: "calls of one signed-in user in a second (2000)",
  anonymousCallsPerSecondMax: "calls without a token of one address in a second (100)",
};

export function withCoordinatorOptions(command: Command): Command {
  command
    .option("--no-reflection", "do not describe the API to tools such as grpcurl")
    .addOption(
      new Option("--short-way <on|off>", "answer plain calls without Connect's machinery")
        .choices(["on", "off"])
        .default("on"),
    );
  return withLimitFlags(command, { ...LIMIT_WORDS, ...RATE_WORDS });
}

export function rateLimitsOf(options: Partial<RateLimits>): Partial<RateLimits> {
  return pickLimits(options, RATE_WORDS);
}

export function limitsOf(options: Partial<CoordinatorLimits>): Partial<CoordinatorLimits> {
  return pickLimits(options, LIMIT_WORDS);
}
