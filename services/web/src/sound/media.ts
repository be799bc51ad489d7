import type { Source } from "./transport";

/** Plays an audio element that covers a part of the recording, from `startS` to `endS`. */
export class MediaSource implements Source {
  readonly element = new Audio();
  readonly startS: number;
  readonly endS: number;

  constructor(url: string, startS: number, endS: number) {
    this.startS = startS;
    this.endS = endS;
    this.element.preload = "auto";
    this.element.src = url;
  }

  async play(fromS: number): Promise<void> {
    this.element.currentTime = Math.max(0, fromS - this.startS);
    if (!this.element.paused) return;
    try {
      await this.element.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      throw new Error("This browser cannot play the recording's format.");
    }
  }

  pause(): void {
    this.element.pause();
  }

  now(): number {
    return this.element.ended ? this.endS : this.startS + this.element.currentTime;
  }
}
