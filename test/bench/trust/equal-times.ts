import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import { GatewayBench } from "../../gateway/support.js";

const PEOPLE = 200;

/**
 * How long it takes to refuse a login, in milliseconds, of users that there are not and with wrong passwords, in turn. In this
 * process, with the real gateway and state machine: each attempt comes from an address of its own, or the throttle would answer.
 */
export async function measureEqualTimes(
  samples: number,
): Promise<Readonly<Record<"unknown" | "wrong", readonly number[]>>> {
  const bench = await GatewayBench.open();
  const took = { unknown: [] as number[], wrong: [] as number[] };
  const { register, login } = AuthService.method;
  for (let i = 0; i < PEOPLE; i += 1) {
    await bench.call(register, { userId: `person-${i}`, password: "correct horse battery" });
  }
  for (let i = 0; i < samples; i += 1) {
    const kind = i % 2 === 0 ? "unknown" : "wrong";
    const userId = `${kind === "unknown" ? "nobody" : "person"}-${i % PEOPLE}`;
    const remoteAddress = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    const beganMs = performance.now();
    const attempt = { userId, password: "no such password" };
    const outcome = await bench
      .call(login, attempt, undefined, { remoteAddress })
      .then(() => "let in", String);
    took[kind].push(performance.now() - beganMs);
    if (!outcome.includes("has this password")) throw new Error(`the attempt was ${outcome}`);
  }
  bench.gateway.close();
  return took;
}
