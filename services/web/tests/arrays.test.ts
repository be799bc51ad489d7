import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { readNpy, readNpz } from "../src/sound/arrays";

function npy(type: string, shape: string, data: ArrayBufferView, columnsFirst = "False"): Uint8Array {
  const facts = `{'descr': '${type}', 'fortran_order': ${columnsFirst}, 'shape': ${shape}, }`;
  const header = `${facts.padEnd(117)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}

describe("NumPy's arrays", () => {
  it("are read with their shape", () => {
    const { shape, values } = readNpy(npy("<f4", "(2, 3)", Float32Array.from([1, 2, 3, 4, 5, 6])));
    expect(shape).toEqual([2, 3]);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("are read in every type that the service writes", () => {
    expect([...readNpy(npy("<f8", "(1,)", Float64Array.of(0.1))).values]).toEqual([0.1]);
    expect([...readNpy(npy("<i8", "(2,)", BigInt64Array.of(-5n, 7n))).values]).toEqual([-5, 7]);
    expect([...readNpy(npy("<f2", "(4,)", Uint16Array.of(0x3c00, 0xc000, 0x3555, 1))).values]).toEqual([
      1, -2, 0.333251953125, 2 ** -24,
    ].map(Math.fround));
    expect([...readNpy(npy("|u1", "(2,)", Uint8Array.of(3, 255))).values]).toEqual([3, 255]);
  });

  it("are turned into row order when they are in column order", () => {
    const columns = npy("<f4", "(2, 3)", Float32Array.of(1, 4, 2, 5, 3, 6), "True");
    expect([...readNpy(columns).values]).toEqual([1, 2, 3, 4, 5, 6]);
    const deep = npy("|u1", "(2, 1, 3)", Uint8Array.of(1, 4, 2, 5, 3, 6), "True");
    expect([...readNpy(deep).values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("are found by name in an archive", () => {
    const archive = zipSync({ "conv1.mean.npy": npy("|u1", "()", Uint8Array.of(9)) });
    expect(readNpz(archive.buffer as ArrayBuffer).get("conv1.mean")?.values[0]).toBe(9);
  });

  it("are refused when they are no arrays, or hold objects", () => {
    expect(() => readNpy(new TextEncoder().encode("not an array at all"))).toThrow("not an array");
    expect(() => readNpy(npy("|O", "(1,)", new Uint8Array(8)))).toThrow("|O");
  });
});
