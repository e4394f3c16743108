import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 1024 * 1024;
/** FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: what is not durable is gone, and all I/O fails from then on. */
const CUT_POWER =
  'open(my $f, "<", $ARGV[0]) or die; my $how = pack("I", 2); ioctl($f, 0x8004587d, $how) or die $!;';
const TOOLS = ["mkfs.ext4", "mount", "umount", "perl", "strace", "fallocate"];

/** What is missing for tests on real disks; undefined if nothing is. */
export function findObstacle(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root, for mounts and strace";
  const missing = TOOLS.filter((tool) => !isInstalled(tool));
  return missing.length === 0 ? undefined : `it needs ${missing.join(", ")}`;
}

/** An ext4 file system of its own, in a file behind a loop device: its power can be cut, and it can be full. */
export class LoopDisk {
  readonly path: string;
  readonly #directory: string;
  readonly #image: string;

  constructor(sizeMib: number) {
    this.#directory = mkdtempSync(join(tmpdir(), "loop-disk-"));
    this.#image = join(this.#directory, "image");
    this.path = join(this.#directory, "mounted");
    mkdirSync(this.path);
    closeSync(openSync(this.#image, "w"));
    truncateSync(this.#image, sizeMib * MIB);
    run("mkfs.ext4", "-q", "-F", "-m", "0", this.#image);
    this.mount();
  }

  mount(): void {
    run("mount", "-o", "loop", this.#image, this.path);
  }

  unmount(): void {
    run("umount", this.path);
  }

  cutPower(): void {
    run("perl", "-e", CUT_POWER, this.path);
  }

  /** Leaves about so much room. Who writes meanwhile takes of what was counted: where none is to be left, the rest is taken. */
  fill(freeMib: number): void {
    const free = Number(run("stat", "-f", "-c", "%a", this.path));
    const block = Number(run("stat", "-f", "-c", "%S", this.path));
    try {
      run("fallocate", "-l", String(free * block - freeMib * MIB), join(this.path, "ballast"));
    } catch (cause) {
      if (freeMib > 0 || !String(cause).includes("No space left")) throw cause;
    }
  }

  empty(): void {
    rmSync(join(this.path, "ballast"), { force: true });
  }

  dispose(): void {
    try {
      // A test that failed may have left a store open.
      run("umount", "--lazy", this.path);
    } catch {
      // It failed between unmounting and mounting.
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function run(tool: string, ...args: readonly string[]): string {
  return execFileSync(tool, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function isInstalled(tool: string): boolean {
  try {
    run("sh", "-c", `command -v ${tool}`);
    return true;
  } catch {
    return false;
  }
}
