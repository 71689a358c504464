import { describe, expect, it } from '@jest/globals';
import type { Query } from 'mysql2';
import { LaneCommand, type LaneConnectionInside } from './lane-command.js';

const PACKET = { isError: () => false, asError: () => new Error('none') };

/** A command whose answer has so many packets. It writes one packet. */
class FakeCommand {
  readonly events: string[] = [];
  failure: unknown;

  constructor(
    readonly name: string,
    private left: number,
  ) {}

  execute(packet: object | undefined, connection: LaneConnectionInside): boolean {
    if (packet === undefined) {
      connection.sequenceId = 1;
      this.events.push('sent');
      return false;
    }
    this.events.push(`packet ${connection.sequenceId++}`);
    return --this.left === 0;
  }

  onResult(error: unknown): void {
    this.failure = error;
  }

  get asQuery(): Query {
    return this as unknown as Query;
  }
}

class FakeConnection implements LaneConnectionInside {
  sequenceId = 0;
  isDone = false;
  command!: LaneCommand;

  addCommand(command: object): void {
    this.command = command as LaneCommand;
    this.handlePacket();
  }

  handlePacket(packet?: typeof PACKET): void {
    if (this.command.execute(packet, this)) this.isDone = true;
  }
}

describe('a command that contains others', () => {
  it('sends each at once, and hands the packets to the oldest', () => {
    const connection = new FakeConnection();
    const lane = new LaneCommand(connection, () => undefined);
    const [first, second] = [new FakeCommand('first', 3), new FakeCommand('second', 1)];
    lane.send(first.asQuery);
    connection.handlePacket(PACKET);
    lane.send(second.asQuery);
    connection.handlePacket(PACKET);
    connection.handlePacket(PACKET);
    connection.handlePacket(PACKET);
    expect(first.events).toEqual(['sent', 'packet 1', 'packet 2', 'packet 3']);
    expect(second.events).toEqual(['sent', 'packet 1']);
  });

  it('fails all that are under way when the connection is lost', () => {
    const connection = new FakeConnection();
    const losses: unknown[] = [];
    const lane = new LaneCommand(connection, (error) => losses.push(error));
    const commands = [new FakeCommand('first', 1), new FakeCommand('second', 1)];
    for (const command of commands) lane.send(command.asQuery);
    const loss = new Error('lost');
    lane.onResult(loss);
    expect(commands.map(({ failure }) => failure)).toEqual([loss, loss]);
    expect(losses).toEqual([loss]);
  });

  it('takes a packet that nobody asked for as a sign that lanes do not work here', () => {
    const connection = new FakeConnection();
    const losses: unknown[] = [];
    const lane = new LaneCommand(connection, (error) => losses.push(error));
    expect(connection.command).toBe(lane);
    connection.handlePacket(PACKET);
    expect(losses).toMatchObject([{ code: 'PROTOCOL_UNEXPECTED_PACKET' }]);
  });

  it('lets go of the connection', () => {
    const connection = new FakeConnection();
    const lane = new LaneCommand(connection, () => undefined);
    expect(connection.isDone).toBe(false);
    lane.end();
    expect(connection.isDone).toBe(true);
  });
});
