import { type ButtonHTMLAttributes, useRef } from "react";

const LONG_MS = 500;

type SwitchProps = ButtonHTMLAttributes<HTMLButtonElement> & { letter: string; label: string; on: boolean };

export function Switch({ letter, label, on, title = label, ...rest }: SwitchProps) {
  return (
    <button type="button" className="switch" aria-label={label} title={title} aria-pressed={on} {...rest}>
      {letter}
    </button>
  );
}

type SoloProps = { name: string; on: boolean; onChange: (on: boolean) => void; onAlone: () => void };

/** Adds a stem to those that are solo; with Shift, or held for half a second, it alone is. */
export function Solo({ name, on, onChange, onAlone }: SoloProps) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const held = useRef(false);
  const release = () => clearTimeout(timer.current);
  return (
    <Switch
      letter="S"
      label={`Solo ${name}`}
      title={`Solo ${name}; with Shift, or held, it alone`}
      on={on}
      onPointerDown={(event) => {
        held.current = false;
        if (event.button !== 0) return;
        timer.current = setTimeout(() => {
          held.current = true;
          onAlone();
        }, LONG_MS);
      }}
      onPointerUp={release}
      onPointerLeave={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onClick={(event) => {
        if (held.current) held.current = false;
        else if (event.shiftKey) onAlone();
        else onChange(!on);
      }}
    />
  );
}
