import {
  createHash,
  createHmac,
  createSecretKey,
  timingSafeEqual,
  type KeyObject,
} from "node:crypto";
import { LRUCache } from "lru-cache";
import { ClusterError } from "../base/index.js";

/** A place in one shard's feed. */
export interface FeedPlace {
  readonly shard: number;
  readonly epoch: number;
  readonly sequence: number;
}

const VERSION = 1;
/** version u8, key id u16, cluster u32 */
const HEADER_BYTES = 7;
/** shard u32, epoch u16, sequence u64 */
const PLACE_BYTES = 14;
const MAC_BYTES = 16;
const PLACES_MAX = 64;
/** What is read is mostly read again; its position stays as it was. */
const REMEMBERED_MAX = 10_000;

/**
 * Positions as clients hold them: opaque, and authenticated, so that nobody makes one up. A read position says what was seen
 * and is bound to nobody.
 */
export class PositionTokens {
  readonly #key: KeyObject;
  readonly #keyId: number;
  readonly #cluster: number;
  readonly #encoded = new LRUCache<string, string>({ max: REMEMBERED_MAX });

  constructor(options: {
    /** base64url */
    readonly key: string;
    readonly keyId: number;
    readonly clusterId: string;
  }) {
    this.#key = createSecretKey(options.key, "base64url");
    this.#keyId = options.keyId;
    this.#cluster = createHash("sha256").update(options.clusterId).digest().readUInt32BE(0);
  }

  encode(places: readonly FeedPlace[]): string {
    const key = places.map(({ shard, epoch, sequence }) => `${shard} ${epoch} ${sequence}`).join();
    let text = this.#encoded.get(key);
    if (text === undefined) {
      text = this.#encode(places);
      this.#encoded.set(key, text);
    }
    return text;
  }

  /** Fails with `invalid-argument` on everything that this cluster did not make. */
  decode(text: string): readonly FeedPlace[] {
    const bytes = Buffer.from(text, "base64url");
    if (bytes.toString("base64url") !== text) throw foreign();
    const body = bytes.subarray(0, -MAC_BYTES);
    const count = (body.length - HEADER_BYTES) / PLACE_BYTES;
    if (!Number.isInteger(count) || count < 0 || count > PLACES_MAX) throw foreign();
    if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), this.#mac(body))) throw foreign();
    if (body.readUInt8(0) !== VERSION || body.readUInt32BE(3) !== this.#cluster) throw foreign();
    return Array.from({ length: count }, (_, i) => {
      const at = HEADER_BYTES + i * PLACE_BYTES;
      return {
        shard: body.readUInt32BE(at),
        epoch: body.readUInt16BE(at + 4),
        sequence: Number(body.readBigUInt64BE(at + 6)),
      };
    });
  }

  /** Authenticates other opaque text, such as a page token, under a purpose of its own. */
  seal(purpose: string, text: string): string {
    const body = Buffer.from(text);
    return Buffer.concat([this.#purposeMac(purpose, body), body]).toString("base64url");
  }

  /** Undefined for what was not sealed for this purpose. */
  open(purpose: string, sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, "base64url");
    // Decoding passes over what is no base64url: only what was sealed is taken, and nothing like it.
    if (bytes.length < MAC_BYTES || bytes.toString("base64url") !== sealed) return undefined;
    const body = bytes.subarray(MAC_BYTES);
    // Of the bytes, not of their text: many that are no UTF-8 read as the same.
    const mac = this.#purposeMac(purpose, body);
    return timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac) ? body.toString() : undefined;
  }

  #encode(places: readonly FeedPlace[]): string {
    const body = Buffer.alloc(HEADER_BYTES + places.length * PLACE_BYTES);
    body.writeUInt8(VERSION, 0);
    body.writeUInt16BE(this.#keyId, 1);
    body.writeUInt32BE(this.#cluster, 3);
    places.forEach(({ shard, epoch, sequence }, i) => {
      const at = HEADER_BYTES + i * PLACE_BYTES;
      body.writeUInt32BE(shard, at);
      body.writeUInt16BE(epoch, at + 4);
      body.writeBigUInt64BE(BigInt(sequence), at + 6);
    });
    return Buffer.concat([body, this.#mac(body)]).toString("base64url");
  }

  #purposeMac(purpose: string, body: Uint8Array): Buffer {
    return this.#mac(Buffer.concat([Buffer.from(`${purpose}\n`), body]));
  }

  #mac(body: Uint8Array): Buffer {
    return createHmac("sha256", this.#key).update(body).digest().subarray(0, MAC_BYTES);
  }
}

function foreign(): ClusterError {
  return new ClusterError(
    "invalid-argument",
    "this is not a position of this cluster: take one from a list, a write or a push",
  );
}
