import type { ArtifactLink } from "../api/client";
import type { Window } from "../sound/segments";

// The contract leaves results open: each task has a shape of its own.

export type ModelRef = { name: string; digest: string };
export type Prediction = { label: string; probability: number };
export type Band = { name: string; low_hz: number; high_hz: number | null; share: number };

export type Classified = {
  model: ModelRef;
  top: Prediction[];
  unknown: boolean;
  windows: Window[];
  duration_s: number;
  warnings: string[];
};

export type Trust = Record<"deletion" | "insertion" | "random_deletion" | "random_insertion" | "randomised", number>;
export type StemShare = { name: string; alone: number; without: number };

export type Explained = {
  model: ModelRef;
  method: Method;
  layer: Layer;
  label: string;
  probability: number;
  start_s: number;
  end_s: number;
  silent: boolean;
  reading: string;
  bands: Band[];
  heatmap: ArtifactLink | null;
  listen: ArtifactLink | null;
  trust: Trust | null;
  stems: { probability: number; parts: StemShare[]; reading: string } | null;
};

export type Features = {
  model: ModelRef;
  label: string;
  start_s: number;
  end_s: number;
  layers: { name: string; shape: number[]; channels: number[]; image: ArtifactLink | null }[];
  arrays: ArtifactLink | null;
};

export type Described = {
  tempo_bpm: number | null;
  tempo_confidence: number;
  key: string | null;
  key_confidence: number;
  loudness_lufs: number | null;
  true_peak_dbfs: number | null;
  onset_rate_hz: number;
  bands: Band[];
  reference: { genre: string; bands: { name: string; difference_db: number }[] } | null;
  warnings: string[];
};

export type Embedded = { model: ModelRef; dim: number; stems?: string[] };

export type Mixed = { format: string; duration_s: number; lowered_db: number; audio: ArtifactLink };

export type Results = {
  classify: Classified;
  embed: Embedded;
  explain: Explained;
  features: Features;
  describe: Described;
  mixdown: Mixed;
};

export const LAYERS = ["layer1", "layer2", "layer3", "layer4"] as const;
export const METHODS = ["grad-cam", "grad-cam++", "hirescam"] as const;
export type Layer = (typeof LAYERS)[number];
export type Method = (typeof METHODS)[number];

/** Each label that some window heard, most probable first. */
export function heardLabels({ top, windows }: Classified): string[] {
  const best = new Map<string, number>();
  for (const { label, probability } of [top, ...windows.map((window) => window.top)].flat()) {
    best.set(label, Math.max(probability, best.get(label) ?? 0));
  }
  return [...best.entries()].sort((a, b) => b[1] - a[1]).map(([label]) => label);
}
