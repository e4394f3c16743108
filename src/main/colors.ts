import pc from "picocolors";

export type Colors = ReturnType<typeof pc.createColors>;

/** Where a terminal shows them and nobody declined (no-color.org); pipes, files and other programs get plain text. */
export function colorsOf(
  stream: { readonly isTTY?: boolean },
  env: NodeJS.ProcessEnv = process.env,
): Colors {
  const declined = env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "";
  return pc.createColors(stream.isTTY === true && !declined);
}
