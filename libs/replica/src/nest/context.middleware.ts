import { Injectable, type NestMiddleware } from '@nestjs/common';
import { RequestOpener } from './request-opener.js';

/**
 * Opens the context of each HTTP request around everything that comes later: guards, interceptors, handlers, filters.
 */
@Injectable()
export class ContextMiddleware implements NestMiddleware {
  constructor(private readonly opener: RequestOpener) {}

  use(request: unknown, response: unknown, next: () => void): void {
    this.opener.engine.contexts.run(this.opener.openHttp(request, response), next);
  }
}
