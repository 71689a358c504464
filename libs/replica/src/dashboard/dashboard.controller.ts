import { Get, Injectable, type MessageEvent, Query, Req, Res, Sse, StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Observable } from 'rxjs';
import { DashboardFeed } from './dashboard-feed.js';
import {
  DOCUMENT,
  DOCUMENT_HEADERS,
  ICON_FILE,
  type PageFile,
  SCRIPT_FILE,
  STYLES_FILE,
} from './page-files.js';

/** What the page needs of a request, whatever the adapter. */
interface AnyRequest {
  readonly originalUrl?: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The request of Node, behind that of Fastify. */
  readonly raw?: IncomingMessage;
}

type AnyResponse = ServerResponse & { readonly raw?: ServerResponse };

const FILE_HEADERS = {
  // Guards protect these files, so only the browser that got them may keep them.
  'cache-control': 'private, max-age=31536000, immutable',
  'x-content-type-options': 'nosniff',
  vary: 'accept-encoding',
};

/**
 * The page, its files and its facts. Everything but the events is written by the adapter itself: no interceptor of the
 * application changes it. No handler asks a database.
 */
@Injectable()
export class DashboardController {
  readonly #feed: DashboardFeed;
  readonly #host: HttpAdapterHost;

  constructor(feed: DashboardFeed, host: HttpAdapterHost) {
    this.#feed = feed;
    this.#host = host;
  }

  // Nest takes one slash off, and Fastify tells the two paths apart.
  @Get(['', '//'])
  document(@Req() request: AnyRequest, @Res() response: unknown): void {
    const [path = ''] = (request.originalUrl ?? request.url).split('?');
    if (path.endsWith('/'))
      return this.#send(response, DOCUMENT, 'text/html; charset=utf-8', DOCUMENT_HEADERS);
    // Relative: a proxy in front of the application may have changed what comes before.
    this.#host.httpAdapter.redirect(response, 302, `${path.slice(path.lastIndexOf('/') + 1)}/`);
  }

  @Get(SCRIPT_FILE.name)
  script(@Req() request: AnyRequest, @Res() response: unknown): void {
    this.#sendFile(request, response, SCRIPT_FILE);
  }

  @Get(STYLES_FILE.name)
  styles(@Req() request: AnyRequest, @Res() response: unknown): void {
    this.#sendFile(request, response, STYLES_FILE);
  }

  @Get(ICON_FILE.name)
  icon(@Req() request: AnyRequest, @Res() response: unknown): void {
    this.#sendFile(request, response, ICON_FILE);
  }

  @Get('state')
  state(@Query('since') since: unknown, @Res() response: unknown): void {
    const sinceMs = Number(since);
    const state = this.#feed.state(Number.isFinite(sinceMs) ? sinceMs : 0);
    const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
    this.#send(response, JSON.stringify(state), 'application/json; charset=utf-8', headers);
  }

  @Sse('events')
  events(@Req() request: AnyRequest, @Res() response: AnyResponse): Observable<MessageEvent> {
    const { socket, httpVersionMajor } = request.raw ?? (request as unknown as IncomingMessage);
    // They end when the server closes, which would then wait for a connection that is kept alive.
    if (httpVersionMajor === 1) (response.raw ?? response).once('finish', () => socket.destroySoon());
    return this.#feed.watch(() => socket.writableLength > 0);
  }

  #sendFile(request: AnyRequest, response: unknown, { type, content, compressed }: PageFile): void {
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? ''))
      return this.#send(response, content, type, FILE_HEADERS);
    this.#send(response, compressed(), type, { ...FILE_HEADERS, 'content-encoding': 'gzip' });
  }

  #send(
    response: unknown,
    body: string | Buffer,
    type: string,
    headers: Readonly<Record<string, string>>,
  ): void {
    const { httpAdapter } = this.#host;
    httpAdapter.setHeader(response, 'content-type', type);
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    const sent = typeof body === 'string' ? body : new StreamableFile(body, { type, length: body.length });
    httpAdapter.reply(response, sent, 200);
  }
}
