// Browsers give the keys to a page only while an audio element of it plays, of more than 5 s: this one plays where Web Audio does.
const SILENCE = new URL("./silence.mp3", import.meta.url).href;
const STEP_S = 10;

/** What media keys, a headset or the system control: a sound from `startS` to `endS`, in seconds of its recording. */
export type Controlled = {
  readonly startS: number;
  readonly endS: number;
  play: () => unknown;
  pause: () => unknown;
  seek: (toS: number) => unknown;
  position: () => { atS: number; speed: number };
  /** Plays what comes next, or came before, in the list that it is of; unset where there is none. */
  step?: ((by: 1 | -1) => void) | undefined;
};

let holder: Controlled | null = null;
let silence: HTMLAudioElement | null = null;
let isSilencePlayed = false;

/** Gives the keys to what plays now. `streamed`: whether an audio element plays it. */
export function takeKeys(player: Controlled, streamed: boolean): void {
  const session = mediaSession();
  if (!session) return;
  if (holder !== player) listen(session, player);
  session.playbackState = "playing";
  showPosition(session, player);
  if (streamed) pauseSilence();
  else playSilence();
}

/** Shows that what has the keys is paused, and where. Nothing for what has not. */
export function restKeys(player: Controlled): void {
  const session = mediaSession();
  if (!session || holder !== player) return;
  session.playbackState = "paused";
  showPosition(session, player);
  pauseSilence();
}

/** Takes the keys from what will play no more. */
export function dropKeys(player: Controlled): void {
  const session = mediaSession();
  if (!session || holder !== player) return;
  restKeys(player);
  listen(session, null);
  session.playbackState = "none";
}

function mediaSession(): MediaSession | undefined {
  return globalThis.navigator?.mediaSession;
}

function listen(session: MediaSession, player: Controlled | null): void {
  holder = player;
  const actions: Partial<Record<MediaSessionAction, MediaSessionActionHandler | null>> = {
    play: player && (() => player.play()),
    pause: player && (() => player.pause()),
    stop: player && (() => player.pause()),
    seekto: player && (({ seekTime }) => player.seek(player.startS + (seekTime ?? 0))),
    seekforward: player && (({ seekOffset }) => player.seek(player.position().atS + (seekOffset || STEP_S))),
    seekbackward: player && (({ seekOffset }) => player.seek(player.position().atS - (seekOffset || STEP_S))),
    nexttrack: player?.step ? () => player.step?.(1) : null,
    previoustrack: player?.step ? () => player.step?.(-1) : null,
  };
  for (const [action, act] of Object.entries(actions)) {
    try {
      session.setActionHandler(action as MediaSessionAction, act);
    } catch {
      // This browser does not know the key.
    }
  }
}

function showPosition(session: MediaSession, player: Controlled): void {
  const { atS, speed } = player.position();
  const duration = player.endS - player.startS;
  // What ended is nowhere where nobody said how long it is.
  const passedS = Number.isFinite(atS) ? atS - player.startS : 0;
  session.setPositionState?.({ duration, position: Math.min(Math.max(0, passedS), duration), playbackRate: speed });
}

function pauseSilence(): void {
  isSilencePlayed = false;
  silence?.pause();
}

function playSilence(): void {
  silence ??= newSilence();
  isSilencePlayed = true;
  // Where the browser wants a press of a button first, keys wait for one too.
  silence.play().catch(() => undefined);
}

function newSilence(): HTMLAudioElement {
  const element = document.createElement("audio");
  element.src = SILENCE;
  element.loop = true;
  // The system pauses it, as for a call: what is heard must not go on alone.
  element.addEventListener("pause", () => isSilencePlayed && element.paused && holder?.pause());
  return element;
}
