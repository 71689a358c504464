import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { RequestOpener } from './request-opener.js';

/**
 * Lets everything pass. Finds the session behind the request and begins to load its state, but waits for neither. A
 * session that is ahead of the replicas sticks to the primary until they have caught up.
 */
@Injectable()
export class StickyPrimaryGuard implements CanActivate {
  /** @internal Nest makes it. */
  constructor(private readonly opener: RequestOpener) {}

  canActivate(context: ExecutionContext): boolean {
    const scope = this.opener.opened(context);
    if (scope !== undefined)
      this.opener.sessions.begin(scope.request, context, this.opener.intentFor(context, scope));
    return true;
  }
}
