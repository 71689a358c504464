import { LoopClock, type LoopTurn } from './loop-clock.js';

/** A process that works and waits, turn by turn. */
class Process {
  nowMs = 1_000;
  idleMs = 0;
  #ends: (() => void)[] = [];
  readonly clock = new LoopClock({
    nowMs: () => this.nowMs,
    idleMs: () => this.idleMs,
    atEndOfTurn: (fn) => this.#ends.push(fn),
  });

  worksFor(ms: number): void {
    this.nowMs += ms;
  }

  /** Ends the turn. The next one begins when something happens after a wait of this length. */
  waitsFor(ms: number): void {
    for (const end of this.#ends.splice(0)) end();
    this.nowMs += ms;
    this.idleMs += ms;
  }

  took(turn: LoopTurn): number {
    return this.clock.eventsMs - (turn.endMs ?? Number.NaN);
  }
}

describe('the time that an answer took', () => {
  it('is the time spent waiting for it', () => {
    const node = new Process();
    const turn = node.clock.sent();
    node.waitsFor(30);
    expect(node.took(turn)).toBe(30);
  });

  it('leaves out what the process did before and after it came', () => {
    const node = new Process();
    const turn = node.clock.sent();
    node.worksFor(50);
    node.waitsFor(2);
    node.worksFor(70);
    expect(node.took(turn)).toBe(2);
  });

  it('is zero if the answer was there at the first look', () => {
    const node = new Process();
    const turn = node.clock.sent();
    node.worksFor(50);
    node.waitsFor(0);
    expect(node.took(turn)).toBe(0);
  });

  it('includes the turns in which it did not come', () => {
    const node = new Process();
    const turn = node.clock.sent();
    for (let n = 0; n < 3; n++) {
      node.waitsFor(0);
      // Something else is sent or answered.
      node.clock.sent();
      node.worksFor(40);
    }
    node.waitsFor(1);
    expect(node.took(turn)).toBe(121);
  });

  it('is too short if nothing was sent or answered in the turns between', () => {
    const node = new Process();
    const turn = node.clock.sent();
    node.waitsFor(10);
    node.worksFor(40);
    node.waitsFor(5);
    expect(node.took(turn)).toBe(15);
  });

  it('is the same for all answers that come in one turn', () => {
    const node = new Process();
    const turn = node.clock.sent();
    node.waitsFor(3);
    expect(node.took(turn)).toBe(3);
    node.worksFor(20);
    expect(node.took(turn)).toBe(3);
  });
});
