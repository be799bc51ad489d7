// Leaves each file of script and style beside itself in Brotli and gzip, as the gateway sends them.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const FOLDER = new URL("../gateway/phonoscope_gateway/web/static/assets/", import.meta.url);
const SMALLEST = 1_000;

for (const name of readdirSync(FOLDER).filter((name) => /\.(js|css)$/.test(name))) {
  const content = readFileSync(new URL(name, FOLDER));
  if (content.length < SMALLEST) continue;
  writeFileSync(new URL(`${name}.br`, FOLDER), brotliCompressSync(content));
  writeFileSync(new URL(`${name}.gz`, FOLDER), gzipSync(content, { level: 9 }));
}
