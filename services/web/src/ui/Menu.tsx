import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { IconButton } from "./controls";
import "./menu.css";

/** What an item does, or the file that it downloads. */
export type MenuItem = { text: string; act: () => void } | { text: string; href: string; download: string };

/** A button that opens a list of actions. Escape closes it; the focus returns to the button. */
export function Menu({ label, items }: { label: string; items: readonly MenuItem[] }) {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const close = () => {
    setOpen(false);
    menu.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!open) return;
    menu.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const outside = ({ target }: Event) => {
      if (target instanceof Node && !menu.current?.contains(target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Tab") setOpen(false);
    const all = [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (!open || (to === undefined && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    if (to === undefined) close();
    else all[to]?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the menu inside
    <div className="menu" ref={menu} onKeyDown={onKeyDown}>
      <IconButton icon="more" label={label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)} />
      {open ? (
        <div className="menu__items" role="menu" aria-label={label}>
          {items.map((item) =>
            "href" in item ? (
              <a key={item.text} role="menuitem" tabIndex={-1} href={item.href} download={item.download} onClick={close}>
                {item.text}
              </a>
            ) : (
              <button
                key={item.text}
                type="button"
                role="menuitem"
                tabIndex={-1}
                onClick={() => {
                  close();
                  item.act();
                }}
              >
                {item.text}
              </button>
            ),
          )}
        </div>
      ) : null}
    </div>
  );
}
