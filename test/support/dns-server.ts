import { createSocket, type Socket } from 'node:dgram';

/** Records of one name and type. */
export interface Records {
  /** Time to live, seconds. */
  readonly ttl: number;
  /** Of `A` and `AAAA`: addresses; `AAAA` in full, as 32 hexadecimal digits. Of `SRV`: `priority weight port target`. */
  readonly values: readonly string[];
}

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
export type RecordType = keyof typeof TYPES;

const HEADER_BYTES = 12;
const NAME_OF_QUESTION = Buffer.from([0xc0, HEADER_BYTES]);

/** A real DNS server on a UDP port, which knows what a test tells it. What it does not know is NXDOMAIN. */
export class DnsServer {
  /** Names and types in the order in which they were asked for: `A pg.test`. */
  readonly questions: string[] = [];
  /** `false`: questions get no answer. */
  isAnswering = true;
  /** Called at each question. */
  onQuestion: () => unknown = () => undefined;
  readonly #records = new Map<string, Records>();
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message, { port, address }) => {
      const answer = this.#answer(message);
      if (this.isAnswering) socket.send(answer, port, address);
    });
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new DnsServer(socket);
  }

  /** As for `Resolver.setServers()`. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  set(type: RecordType, name: string, records: Records): void {
    this.#records.set(`${type} ${name}`, records);
  }

  delete(type: RecordType, name: string): void {
    this.#records.delete(`${type} ${name}`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(message: Buffer): Buffer {
    const { name, type, end } = readQuestion(message);
    this.questions.push(`${type} ${name}`);
    this.onQuestion();
    const records = this.#records.get(`${type} ${name}`);
    const values = records?.values ?? [];
    const header = Buffer.from(message.subarray(0, HEADER_BYTES));
    header.writeUInt16BE(records === undefined ? 0x8183 : 0x8180, 2); // an answer: NXDOMAIN, or no error
    header.writeUInt16BE(values.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([
      header,
      message.subarray(HEADER_BYTES, end),
      ...values.map((value) => record(type as RecordType, records?.ttl ?? 0, value)),
    ]);
  }
}

function readQuestion(message: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = [];
  let offset = HEADER_BYTES;
  for (let length = message.readUInt8(offset); length > 0; length = message.readUInt8(offset)) {
    labels.push(message.toString('latin1', offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  const number = message.readUInt16BE(offset + 1);
  const type = Object.entries(TYPES).find(([, value]) => value === number)?.[0] ?? String(number);
  return { name: labels.join('.').toLowerCase(), type, end: offset + 5 };
}

function record(type: RecordType, ttl: number, value: string): Buffer {
  const data = DATA[type](value);
  const head = Buffer.alloc(10);
  head.writeUInt16BE(TYPES[type], 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(ttl, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([NAME_OF_QUESTION, head, data]);
}

const DATA: Record<RecordType, (value: string) => Buffer> = {
  A: (value) => Buffer.from(value.split('.').map(Number)),
  AAAA: (value) => Buffer.from(value, 'hex'),
  SRV: (value) => {
    const [priority, weight, port, target = ''] = value.split(' ');
    const numbers = Buffer.alloc(6);
    [priority, weight, port].forEach((number, index) => numbers.writeUInt16BE(Number(number), 2 * index));
    const labels = target.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
    return Buffer.concat([numbers, ...labels, Buffer.from([0])]);
  },
};
