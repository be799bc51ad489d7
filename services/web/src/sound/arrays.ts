import { unzipSync } from "fflate";

/** An array with its values row by row, as in NumPy. */
export type NumberArray = { shape: number[]; values: Float32Array | Float64Array | Uint8Array | Int32Array };

/** The arrays of a `.npz` file by name. Throws an `Error` when it is not such a file or does not hold numbers. */
export function readNpz(content: ArrayBuffer): Map<string, NumberArray> {
  const files = unzipSync(new Uint8Array(content));
  return new Map(Object.entries(files).map(([name, bytes]) => [name.replace(/\.npy$/, ""), readNpy(bytes)]));
}

/** The array in a `.npy` file. Throws an `Error` when it is not such a file or does not hold numbers. */
export function readNpy(bytes: Uint8Array): NumberArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== 0x93 || String.fromCharCode(...bytes.subarray(1, 6)) !== "NUMPY") throw new Error("not an array");
  const wide = (bytes[6] ?? 1) > 1;
  const size = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + size;
  const header = new TextDecoder("latin1").decode(bytes.subarray(start - size, start));
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? "";
  const shape = [...(/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "").matchAll(/\d+/g)].map(([digits]) => Number(digits));
  const count = shape.reduce((product, length) => product * length, 1);
  const values = valuesOf(type, bytes.slice(start).buffer, count);
  return { shape, values: /'fortran_order':\s*True/.test(header) ? rowByRow(values, shape) : values };
}

function valuesOf(type: string, buffer: ArrayBuffer, count: number): NumberArray["values"] {
  switch (type) {
    case "<f4":
      return new Float32Array(buffer, 0, count);
    case "<f8":
      return new Float64Array(buffer, 0, count);
    case "<f2":
      return Float32Array.from(new Uint16Array(buffer, 0, count), halfToNumber);
    case "<i4":
      return new Int32Array(buffer, 0, count);
    case "<i8":
      return Float64Array.from(new BigInt64Array(buffer, 0, count), Number);
    case "|u1":
    case "|b1":
      return new Uint8Array(buffer, 0, count);
    default:
      throw new Error(`arrays of type ${type} are not supported`);
  }
}

/** Values in column order, first index fastest, turned into row order. */
function rowByRow(values: NumberArray["values"], shape: number[]): NumberArray["values"] {
  const made = values.slice();
  const at = shape.map(() => 0);
  for (let place = 0; place < made.length; place += 1) {
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) from = from * (shape[axis] ?? 1) + (at[axis] ?? 0);
    made[place] = values[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      at[axis] = (at[axis] ?? 0) + 1;
      if ((at[axis] ?? 0) < (shape[axis] ?? 1)) break;
      at[axis] = 0;
    }
  }
  return made;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
