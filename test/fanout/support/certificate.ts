import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

let made: TestCertificate | undefined;

/** A self-signed certificate for localhost, made once a run. */
export function testCertificate(): TestCertificate {
  if (made !== undefined) return made;
  const directory = mkdtempSync(join(tmpdir(), "fanout-test-"));
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ],
    { stdio: "ignore" },
  );
  made = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  rmSync(directory, { recursive: true });
  return made;
}
