import {
  Controller,
  Get,
  Header,
  Head,
  HttpCode,
  Param,
  ParseIntPipe,
  Res,
  Sse,
  StreamableFile,
  type MessageEvent,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { concatMap, from, type Observable } from 'rxjs';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Repository } from 'typeorm';
import { Account } from '../../../support/ledger/accounts.js';

/** More than a socket and a compressor take without a pause, and hard to compress. */
export const PIECES = Array.from({ length: 40 }, (_, piece) =>
  Array.from({ length: 1_000 }, (__, n) => ((piece * 7919 + n * 104_729) % 1_000_003).toString(36)).join('-'),
);
export const BODY = PIECES.join('');

/** Larger than all buffers between two processes. */
export const LARGE_BODY = Buffer.alloc(16_000_000, BODY);

type Response = ServerResponse | { readonly raw: ServerResponse; hijack(): unknown };

/** Node's own response, which the handler answers itself from now on. */
function take(response: Response): ServerResponse {
  if (!('raw' in response)) return response;
  response.hijack();
  return response.raw;
}

/** Each answers with {@link BODY} in another way, and writes before or while it does. All are GETs: no method may be forgotten. */
@Controller('accounts/:id')
export class AnswersController {
  /** How many callbacks of `write()` and `end()` were called. */
  calledBack = 0;
  /** Resolves when `late` has written. */
  lateWrite: Promise<void> = Promise.resolve();
  finished = 0;

  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get()
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Get('value')
  async value(@Param('id', ParseIntPipe) id: number): Promise<string> {
    await this.#add(id);
    return BODY;
  }

  @Get('end')
  async end(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    await this.#add(id);
    raw.end(BODY);
  }

  /** The second answer is a mistake, of which the client notices nothing. */
  @Get('end-twice')
  async endTwice(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    await this.#add(id);
    raw.end(BODY);
    try {
      raw.statusCode = 500;
      raw.setHeader('content-length', 5);
      raw.end('other');
    } catch {
      return;
    }
  }

  @Get('end-callback')
  async endCallback(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    await this.#add(id);
    raw.write(BODY, () => void this.calledBack++);
    await this.#add(id);
    raw.end(() => void this.calledBack++);
  }

  @Get('writes')
  async writes(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    for (const piece of PIECES) {
      raw.write(piece);
      if (PIECES.indexOf(piece) % 10 === 9) await this.#add(id);
    }
    raw.end();
  }

  @Get('drains')
  async drains(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    await this.#add(id);
    for (const [index, piece] of PIECES.entries()) {
      if (index === 20) await this.#add(id);
      if (!raw.write(piece)) await once(raw, 'drain');
    }
    raw.end();
  }

  @Get('pipe')
  async pipe(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    await this.#add(id);
    Readable.from(PIECES, { objectMode: false }).pipe(raw);
  }

  @Get('pipeline')
  async pipeline(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    let passed = 0;
    const writing = new Transform({
      transform: (piece: Buffer, _, pass) => {
        if (passed++ % 20 === 0) void this.#add(id).then(() => pass(null, piece));
        else pass(null, piece);
      },
    });
    await pipeline(Readable.from(PIECES, { objectMode: false }), writing, raw);
  }

  @Get('iterated')
  async iterated(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    await pipeline(this.#pieces(id), take(response));
  }

  @Get('file')
  async file(@Param('id', ParseIntPipe) id: number): Promise<StreamableFile> {
    await this.#add(id);
    return new StreamableFile(Buffer.from(BODY), { type: 'text/plain' });
  }

  @Get('written-while-read')
  streamed(@Param('id', ParseIntPipe) id: number): StreamableFile {
    return new StreamableFile(Readable.from(this.#pieces(id), { objectMode: false }), { type: 'text/plain' });
  }

  @Get('with-length')
  withLength(@Param('id', ParseIntPipe) id: number): StreamableFile {
    const stream = Readable.from(this.#pieces(id), { objectMode: false });
    return new StreamableFile(stream, { type: 'application/octet-stream', length: BODY.length });
  }

  @Get('trailers')
  async trailers(@Param('id', ParseIntPipe) id: number, @Res() response: Response): Promise<void> {
    const raw = take(response);
    raw.setHeader('trailer', 'x-sum');
    raw.write(BODY.slice(0, 10));
    await this.#add(id);
    raw.write(BODY.slice(10));
    raw.addTrailers({ 'x-sum': '42' });
    raw.end();
  }

  @Sse('events')
  events(@Param('id', ParseIntPipe) id: number): Observable<MessageEvent> {
    return from(['one', 'two', 'three']).pipe(
      concatMap(async (data) => {
        await this.#add(id);
        return { data };
      }),
    );
  }

  @Head('head')
  async head(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.#add(id);
  }

  @Get('not-modified')
  @HttpCode(304)
  @Header('etag', '"same"')
  async notModified(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.#add(id);
  }

  /** Writes when all was given to be sent, and while it still leaves. */
  @Get('late')
  late(@Param('id', ParseIntPipe) id: number, @Res() response: Response): void {
    const raw = take(response);
    raw.once('finish', () => void this.finished++);
    raw.setHeader('content-type', 'application/octet-stream');
    raw.end(LARGE_BODY);
    this.lateWrite = this.#add(id);
  }

  async *#pieces(id: number): AsyncGenerator<string> {
    for (const [index, piece] of PIECES.entries()) {
      yield piece;
      if (index % 20 === 10) await this.#add(id);
    }
  }

  async #add(id: number): Promise<void> {
    await this.accounts.increment({ id }, 'balance', 1);
  }
}
