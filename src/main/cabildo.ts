#!/usr/bin/env node
import { runCommandLine } from "./command-line.js";
import { isNodeError } from "./files.js";

// Whoever read our output has seen enough, as in `cabildo event list | head`.
process.stdout.on("error", (cause) => {
  if (!isNodeError(cause) || cause.code !== "EPIPE") throw cause;
  process.exit(0);
});

process.exitCode = await runCommandLine(process.argv);
