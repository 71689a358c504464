import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** LONG_PASSWORD to CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, and from MULTI_STATEMENTS to SESSION_TRACK and DEPRECATE_EOF. */
const CAPABILITIES = 0x01bfa20f;
const AUTOCOMMIT = 0x0002;
const SESSION_STATE_CHANGED = 0x4000;
const TRACK_GTIDS = 3;
const PLUGIN = 'caching_sha2_password';
const SCRAMBLE = Buffer.from('abcdefghijklmnopqrst');
const COM_QUERY = 3;

/**
 * What MySQL 8.4 sends, byte by byte, to one client: greeting, `caching_sha2_password`, and OK packets. It understands no SQL.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
 */
export class EmulatedMysql {
  /** The texts that it was sent. */
  readonly received: string[] = [];
  /** The password as the client sent it, which it does only if the server has not cached it. */
  password: string | undefined;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  /**
   * @param hasCachedPassword whether the scrambled password is enough
   * @param gtidOf the GTIDs that come with the answer to a text; `undefined`: none
   */
  private constructor(hasCachedPassword: boolean, gtidOf: (text: string) => string | undefined) {
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      socket.on('error', () => undefined);
      const steps = hasCachedPassword
        ? [switchPlugin, () => [Buffer.from([1, 3]), ok(undefined)]]
        : this.#fullAuthentication();
      socket.write(packet(0, greeting()));
      readPackets(socket, (sequence, payload) => {
        const answer = steps.shift();
        if (answer !== undefined)
          return answer(payload).forEach((it, n) => socket.write(packet(sequence + 1 + n, it)));
        if (payload[0] !== COM_QUERY) return;
        const text = payload.subarray(1).toString();
        this.received.push(text);
        socket.write(packet(sequence + 1, ok(gtidOf(text))));
      });
    });
  }

  static async start(
    hasCachedPassword: boolean,
    gtidOf: (text: string) => string | undefined,
  ): Promise<EmulatedMysql> {
    const started = new EmulatedMysql(hasCachedPassword, gtidOf);
    await new Promise<void>((resolve) => started.#server.listen(0, '127.0.0.1', resolve));
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The client asks for the server's key, and sends the password encrypted with it. */
  #fullAuthentication(): Step[] {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    return [
      switchPlugin,
      () => [Buffer.from([1, 4])],
      () => [Buffer.concat([Buffer.from([1]), Buffer.from(key)])],
      (payload) => {
        const padding = constants.RSA_PKCS1_OAEP_PADDING;
        const plain = privateDecrypt({ key: privateKey, padding }, payload);
        this.password = plain.map((byte, index) => byte ^ SCRAMBLE[index % SCRAMBLE.length]!).toString();
        return [ok(undefined)];
      },
    ];
  }
}

/** Gives the answers to one packet of the client's. */
type Step = (payload: Buffer) => readonly Buffer[];

const switchPlugin: Step = () => [
  Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${PLUGIN}\0`), SCRAMBLE, Buffer.from([0])]),
];

function packet(sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
}

function readPackets(socket: Socket, got: (sequence: number, payload: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUIntLE(0, 3)) {
      const end = 4 + rest.readUIntLE(0, 3);
      const [sequence, payload] = [rest[3]!, rest.subarray(4, end)];
      rest = rest.subarray(end);
      got(sequence, payload);
    }
  });
}

function greeting(): Buffer {
  const numbers = Buffer.alloc(18);
  numbers.writeUInt16LE(CAPABILITIES & 0xffff, 0);
  numbers[2] = 0xff;
  numbers.writeUInt16LE(AUTOCOMMIT, 3);
  numbers.writeUInt16LE(CAPABILITIES >>> 16, 5);
  numbers[7] = SCRAMBLE.length + 1;
  return Buffer.concat([
    Buffer.from('\n8.4.0\0'),
    Buffer.from([7, 0, 0, 0]),
    SCRAMBLE.subarray(0, 8),
    Buffer.from([0]),
    numbers,
    SCRAMBLE.subarray(8),
    Buffer.from(`\0${PLUGIN}\0`),
  ]);
}

/** An OK packet for one changed row. GTIDs come in a record of what the session tracks. */
function ok(gtids: string | undefined): Buffer {
  const status = Buffer.alloc(4);
  status.writeUInt16LE(gtids === undefined ? AUTOCOMMIT : AUTOCOMMIT | SESSION_STATE_CHANGED, 0);
  const head = Buffer.concat([Buffer.from([0, 1, 0]), status]);
  if (gtids === undefined) return head;
  const told = Buffer.concat([Buffer.from([0, gtids.length]), Buffer.from(gtids)]);
  const record = Buffer.concat([Buffer.from([TRACK_GTIDS, told.length]), told]);
  return Buffer.concat([head, Buffer.from([0, record.length]), record]);
}
