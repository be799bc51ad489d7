const PATHS = {
  brand: "M2 12h3l2-5 3 12 3-17 3 14 2-4h4",
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  loop: "M17 3l3 3-3 3M20 6H8a5 5 0 0 0-5 5M7 21l-3-3 3-3M4 18h12a5 5 0 0 0 5-5",
  bin: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v6M14 11v6",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  help: "M9.2 9a3 3 0 1 1 4.3 2.7c-1 .5-1.5 1.1-1.5 2.3M12 17.5v.1M12 3a9 9 0 1 0 .01 0",
  usage: "M4 17a8.5 8.5 0 1 1 16 0M12 15l4-5M12 15v.1",
  out: "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
  search: "M11 4a7 7 0 1 0 .01 0M16 16l5 5",
  upload: "M12 16V4M7 9l5-5 5 5M4 17v3h16v-3",
  download: "M12 4v12M7 11l5 5 5-5M4 18v2h16v-2",
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3M6 11a6 6 0 0 0 12 0M12 17v4",
  stop: "M7 7h10v10H7z",
  volume: "M4 10v4h4l5 4V6l-5 4zM16.5 9a4.5 4.5 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11",
  sliders: "M4 7h9M17 7h3M15 5v4M4 12h3M11 12h9M9 10v4M4 17h11M19 17h1M17 15v4",
  minus: "M6 12h12",
  plus: "M6 12h12M12 6v12",
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  retry: "M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7",
  check: "M5 13l4.5 4.5L19 7",
  close: "M6 6l12 12M18 6L6 18",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  music: "M9 18V5l11-2v13M9 18a3 3 0 1 1-3-3 3 3 0 0 1 3 3zM20 16a3 3 0 1 1-3-3 3 3 0 0 1 3 3z",
  singing: "M10 11a4.5 4.5 0 1 1 4-4M10 11l4-4M9.5 10.5L3 20l1.5 1L14 14.5M18 12v7M18 12l3-1",
  speech: "M4 5h16v11H11l-4 4v-4H4zM8 9h8M8 12h5",
  sound: "M3 12h1M7 8v8M11 4v16M15 8v8M19 10v4",
  silence: "M4 10v4h4l5 4V6l-5 4zM17 9l5 6M22 9l-5 6",
  more: "M5 12h.1M12 12h.1M19 12h.1",
  pencil: "M4 20l1.2-4.8L16 4.5l3.5 3.5L8.8 18.8zM13.5 7l3.5 3.5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
} as const;

const SOLID = new Set<IconName>(["play", "stop"]);

export type IconName = keyof typeof PATHS;

/** An icon. The control around it has the label. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill={SOLID.has(name) ? "currentColor" : "none"}
        stroke="currentColor"
        strokeWidth={1.8}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
