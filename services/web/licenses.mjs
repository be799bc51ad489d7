// Leaves the licences of the packages that the page's scripts are made of beside them, as these ask for.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/?]+/;
const LINE = "=".repeat(60);

export function licenses() {
  return {
    name: "licenses",
    apply: "build",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
      const folders = new Set(modules.flatMap((id) => FOLDER.exec(id.replace(/^\0/, ""))?.[0] ?? []));
      const source = [...folders].map(notice).sort().join("");
      this.emitFile({ type: "asset", fileName: "licenses.txt", source });
    },
  };
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8"));
  if (!license) throw new Error(`${name} names no licence`);
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each));
  const text = file ? readFileSync(join(folder, file), "utf-8").trim() : `Its package has no text of the licence.`;
  return `${LINE}\n${name} ${version} (${license})\n\n${text}\n\n`;
}
