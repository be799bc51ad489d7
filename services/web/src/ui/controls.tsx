import type { ButtonHTMLAttributes, CSSProperties, ReactNode } from "react";
import { labelText } from "./format";
import { Icon, type IconName } from "./Icon";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { icon?: IconName; main?: boolean };

export function Button({ icon, main = false, className = "", children, ...rest }: ButtonProps) {
  return (
    <button type="button" className={`button ${main ? "button--main" : ""} ${className}`} {...rest}>
      {icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

/** A button with an icon only. The label is its accessible name and its tooltip. */
export function IconButton({ icon, label, className = "", ...rest }: ButtonProps & { icon: IconName; label: string }) {
  return (
    <button type="button" className={`button button--plain ${className}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

type SelectProps<T extends string> = {
  label: string;
  /** Its accessible name. */
  name: string;
  value: T;
  options: readonly T[];
  /** How an option is shown. */
  text?: (option: T) => string;
  onChange: (value: T) => void;
};

export function Select<T extends string>({ label, name, value, options, text = labelText, onChange }: SelectProps<T>) {
  return (
    <label className="labelled">
      {label}
      <select className="field" aria-label={name} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {text(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

type ChoiceProps<T extends string> = {
  label: string;
  value: T;
  options: readonly { value: T; text: string; disabled?: boolean }[];
  onChange: (value: T) => void;
};

/** A choice of one option, as a radio group. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  const open = options.filter((option) => !option.disabled);
  const move = (step: number) => {
    const at = open.findIndex((option) => option.value === value);
    const next = open[(at + step + open.length) % open.length];
    if (next) onChange(next.value);
  };
  return (
    <div className="choice" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          disabled={option.disabled ?? false}
          ref={(node) => {
            if (option.value === value && node?.parentElement?.contains(document.activeElement)) node.focus();
          }}
          onClick={() => onChange(option.value)}
          onKeyDown={(event) => {
            const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
            if (!step) return;
            event.preventDefault();
            event.stopPropagation();
            move(step);
          }}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}

type SliderProps = {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  valueText: string;
  onChange: (value: number) => void;
  /** Is called by a double click. */
  onReset?: () => void;
  hideLabel?: boolean;
  className?: string;
};

/** A slider; `valueText` is its value in words. */
export function Slider({ label, value, min, max, step, valueText, onChange, onReset, hideLabel = false, className }: SliderProps) {
  const at = { "--at": `${((value - min) / (max - min)) * 100}%` } as CSSProperties;
  return (
    <label className={`labelled ${className ?? ""}`}>
      <span className={hideLabel ? "unseen" : ""}>{label}</span>
      <input
        className="slider"
        type="range"
        style={at}
        {...{ min, max, step, value }}
        aria-label={label}
        aria-valuetext={valueText}
        title={`${label}: ${valueText}`}
        onChange={(event) => onChange(event.currentTarget.valueAsNumber)}
        onDoubleClick={onReset}
      />
    </label>
  );
}

export function Skeleton({ height, width = "100%" }: { height: number | string; width?: number | string }) {
  return <div className="skeleton" style={{ height, width }} aria-hidden="true" />;
}

/** An error, with an optional action. */
export function ErrorNote({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="note note--bad" role="alert">
      <span>{children}</span>
      {action}
    </div>
  );
}

export function ProgressBar({ share, label }: { share: number; label: string }) {
  const percent = Math.round(share * 100);
  return (
    <div className="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}>
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}
