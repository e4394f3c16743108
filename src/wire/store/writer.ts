import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { toInt64 } from "../int64.js";

/**
 * Writes what is encoded for every command. The bytes are those that `toBinary` gives for the same
 * message (a test holds them together), but parts that were encoded before are copied, and one
 * buffer serves all messages. Fields come in order of number; those at their default are left out.
 * Nothing else may be encoded between `start` and `finish`.
 */
export class FieldWriter {
  readonly #writer = new BinaryWriter();
  #started = false;

  /** Drops what an encoding left that failed half way. */
  start(): this {
    if (this.#started) this.#writer.finish();
    this.#started = true;
    return this;
  }

  uint32(field: number, value: number): this {
    if (value !== 0) this.#writer.tag(field, WireType.Varint).uint32(value);
    return this;
  }

  int64(field: number, value: number): this {
    if (value !== 0) this.#writer.tag(field, WireType.Varint).int64(toInt64(value));
    return this;
  }

  bool(field: number, value: boolean): this {
    if (value) this.#writer.tag(field, WireType.Varint).bool(value);
    return this;
  }

  text(field: number, value: string): this {
    if (value !== "") this.#writer.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  texts(field: number, values: readonly string[]): this {
    for (const value of values) this.#writer.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  /** A message that is encoded already. */
  message(field: number, bytes: Uint8Array | undefined): this {
    if (bytes !== undefined) this.#writer.tag(field, WireType.LengthDelimited).bytes(bytes);
    return this;
  }

  begin(field: number): this {
    this.#writer.tag(field, WireType.LengthDelimited).fork();
    return this;
  }

  end(): this {
    this.#writer.join();
    return this;
  }

  finish(): Uint8Array {
    this.#started = false;
    return this.#writer.finish();
  }
}

/** The one that everything uses in turn: encoding never yields. */
export const WRITER = new FieldWriter();
