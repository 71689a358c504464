import {
  BadRequestException,
  Body,
  ConflictException,
  ForbiddenException,
  Headers,
  HttpCode,
  Injectable,
  Logger,
  NotFoundException,
  Param,
  Post,
  Req,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import type { ReplicaRouter } from '../engine/replica-router.js';
import { DashboardFeed } from './dashboard-feed.js';
import { nameOfUser } from './name-of-user.js';

type RequestHeaders = Readonly<Record<string, string | undefined>>;

const logger = new Logger('ReplicaDashboard');

/** The buttons of the page. Without `actions` in the options there is none. */
@Injectable()
export class DashboardActionsController {
  readonly #feed: DashboardFeed;

  constructor(feed: DashboardFeed) {
    this.#feed = feed;
  }

  /**
   * Does it, and answers 204 at once: a drain goes on until nothing runs on the replica any more. The body is
   * `{ replica, dataSource, instance }`. `enable` and `disable` need no replica. `dataSource` is by default the first of the
   * page. `instance` is the `host:pid` that has to do it, if that matters.
   */
  @Post('actions/:action')
  @HttpCode(204)
  act(
    @Param('action') action: string,
    @Body() body: unknown,
    @Headers() headers: RequestHeaders,
    @Req() request: unknown,
  ): void {
    if (!this.#feed.hasActions) throw new NotFoundException('the page has no buttons (option actions)');
    assertFromPage(headers);
    const { dataSource = this.#feed.defaultName, replica, instance } = fieldsOf(body);
    if (instance !== undefined && instance !== this.#feed.instance)
      throw new ConflictException(`another process answered, ${this.#feed.instance}: nothing has changed`);
    const router = this.#feed.routerOf(dataSource);
    if (router === undefined) throw new NotFoundException('the page shows no data source of that name');
    const user = nameOfUser(request);
    const of = `of data source ${dataSource}`;
    switch (action) {
      case 'drain':
        assertReplica(router, replica);
        logger.warn(`${user} drains ${replica} ${of}`);
        // It also ends when somebody resumes the replica, which is no failure.
        router.drain(replica).catch(() => undefined);
        return;
      case 'resume':
        assertReplica(router, replica);
        logger.warn(`${user} resumes ${replica} ${of}`);
        return router.resume(replica);
      case 'enable':
        logger.warn(`${user} lets reads leave the primary ${of} again`);
        return router.enable();
      case 'disable':
        logger.warn(`${user} sends everything to the primary ${of}`);
        return router.disable();
      default:
        throw new NotFoundException('the actions are drain, resume, enable and disable');
    }
  }
}

/** Another site can make a browser send a request with the user's cookies. It cannot make it look like this. */
function assertFromPage(headers: RequestHeaders): void {
  if (!/^application\/json\b/i.test(headers['content-type'] ?? ''))
    throw new UnsupportedMediaTypeException('send JSON');
  if (headers['x-replica-dashboard'] !== '1')
    throw new ForbiddenException('send the header x-replica-dashboard: 1');
  if (!isSameOrigin(headers)) throw new ForbiddenException('only the page itself may send this');
}

/** Browsers tell `sec-fetch-site` over HTTPS and to localhost; otherwise the origin has to be the host that was asked. */
function isSameOrigin({ 'sec-fetch-site': site, origin, host }: RequestHeaders): boolean {
  if (site !== undefined) return site === 'same-origin';
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

interface ActionFields {
  readonly dataSource?: string;
  readonly replica?: string;
  readonly instance?: string;
}

function fieldsOf(body: unknown): ActionFields {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadRequestException('the body must be an object such as { "replica": "replica-1" }');
  const { dataSource, replica, instance } = body as Record<string, unknown>;
  const fields = { dataSource, replica, instance };
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && typeof value !== 'string')
      throw new BadRequestException(`${name} must be a text`);
  return fields as ActionFields;
}

function assertReplica(router: ReplicaRouter, name: string | undefined): asserts name is string {
  if (name === undefined || name === '') throw new BadRequestException('replica must name a replica');
  const { primary, replicas } = router.topology();
  if (replicas.some((replica) => replica.name === name)) return;
  if (primary.name === name) throw new BadRequestException('the primary cannot be drained');
  throw new NotFoundException('there is no replica of that name');
}
