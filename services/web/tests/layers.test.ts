import { expect, test } from "vitest";
import { coarseness, textOfLayer } from "../src/track/layers";

const card = { strides: { stage4: 16, stage5: 16, last: 32 }, default_layer: "last" };

test("layers are finer or coarser than the one that is shown", () => {
  const texts = (shown: string) => Object.keys(card.strides).map((name) => textOfLayer(name, shown, card));
  expect(texts("last")).toEqual(["stage4 (finer)", "stage5 (finer)", "last (default)"]);
  expect(texts("stage4")).toEqual(["stage4", "stage5", "last (coarser, default)"]);
  expect(textOfLayer("front", "middle1", undefined)).toBe("front");
});

test("a layer's cells are told in seconds and bands", () => {
  expect(coarseness({ layer: "last", cell_s: 0.3125, cell_bands: 4 })).toBe("Its layer last sees in steps of 0.31 s and 4 bands.");
  expect(coarseness({ layer: "middle3", cell_s: 0.016, cell_bands: 1 })).toBe("Its layer middle3 sees in steps of 16 ms and all bands as one.");
  expect(coarseness({ layer: "layer4", cell_s: null, cell_bands: null })).toBe("");
});
