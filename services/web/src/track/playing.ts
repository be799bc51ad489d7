import type { Loop, Transport } from "../sound/transport";

/** Plays the recording from a time, whatever was looped or heard before. */
export function playFrom(transport: Transport, startS: number): void {
  const { source, loop } = transport.state.get();
  if (loop && (startS < loop.startS || startS >= loop.endS)) transport.setLoop(null);
  if (source === "evidence") transport.switchTo("recording");
  transport.seek(startS);
  if (!transport.state.get().playing) void transport.play();
}

/** Plays a stretch of the recording again and again. */
export function playLoop(transport: Transport, loop: Loop): void {
  transport.setLoop(loop);
  playFrom(transport, loop.startS);
}
