import { expect } from "chai";
import {
  decodeMarker,
  encodeSlot,
  MARKER_BYTES,
  MARKER_ROWS_MAX,
  slotOffset,
} from "../../src/storage/marker.js";
import type { MarkerImage, MarkerRow } from "../../src/storage/marker.js";

const STORE_ID = "00112233445566778899aabbccddeeff";

function rowOf(replica: number): MarkerRow {
  return {
    replica,
    term: 2 ** 40 + replica,
    vote: 3,
    promised: { index: 2 ** 33, term: 7 },
    attempted: { index: 2 ** 33 + 1, term: 8 },
  };
}

function imageOf(generation: number, rows: readonly MarkerRow[] = [rowOf(5)]): MarkerImage {
  return { storeId: STORE_ID, boot: 4, generation, rows };
}

function marker(...images: MarkerImage[]): Buffer {
  const bytes = Buffer.alloc(MARKER_BYTES);
  for (const image of images) encodeSlot(image, bytes.subarray(slotOffset(image.generation)));
  return bytes;
}

describe("the marker", () => {
  it("gives back what was written, for every replica of the store", () => {
    const image = imageOf(1, [rowOf(1), rowOf(2), rowOf(2 ** 32 - 2)]);
    expect(decodeMarker(marker(image))).to.deep.equal(image);
  });

  it("is the newer of its two slots", () => {
    expect(decodeMarker(marker(imageOf(8), imageOf(9)))?.generation).to.equal(9);
    expect(decodeMarker(marker(imageOf(10), imageOf(9)))?.generation).to.equal(10);
  });

  it("falls back to the other slot wherever a write was torn", () => {
    const whole = marker(imageOf(8), imageOf(9));
    const written = encodeSlot(imageOf(10), Buffer.alloc(MARKER_BYTES));
    for (let torn = 0; torn < written; torn++) {
      const bytes = Buffer.from(whole);
      const next = marker(imageOf(10, [{ ...rowOf(5), term: 1 }]));
      next.copy(bytes, slotOffset(10), slotOffset(10), slotOffset(10) + torn);
      const { generation } = decodeMarker(bytes) ?? {};
      expect(generation, `torn after ${torn} bytes`).to.be.oneOf([8, 9]);
      expect(decodeMarker(bytes)).to.deep.equal(imageOf(9));
    }
  });

  it("notices any flipped bit", () => {
    const length = encodeSlot(imageOf(1), Buffer.alloc(MARKER_BYTES));
    for (let bit = 0; bit < length * 8; bit++) {
      const bytes = marker(imageOf(1));
      const at = slotOffset(1) + (bit >> 3);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit & 7)), at);
      expect(decodeMarker(bytes), `bit ${bit}`).to.equal(undefined);
    }
  });

  it("is nothing where no slot was ever written", () => {
    expect(decodeMarker(Buffer.alloc(MARKER_BYTES))).to.equal(undefined);
    expect(decodeMarker(Buffer.alloc(0))).to.equal(undefined);
  });

  it("has room for its bound of replicas and refuses more", () => {
    const rows = Array.from({ length: MARKER_ROWS_MAX }, (_, at) => rowOf(at + 1));
    expect(decodeMarker(marker(imageOf(2, rows)))?.rows).to.deep.equal(rows);
    expect(() => marker(imageOf(2, [...rows, rowOf(9999)]))).to.throw(/replicas in a store/);
  });
});
