import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type ModuleMetadata,
  type NestModule,
  Optional,
} from '@nestjs/common';
import { ExternalContextCreator, ModulesContainer } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { WebSocketGateway } from '@nestjs/websockets';
import { needsInterceptor } from './needs-interceptor.js';
import type { RequestOpener } from './request-opener.js';
import { SyncWrite } from './sync-write.decorator.js';

@Controller('plain')
class PlainController {
  @Get()
  all(): string {
    return '';
  }
}

@Controller()
class MessageController extends PlainController {
  @MessagePattern('all')
  message(data: unknown): unknown {
    return data;
  }
}

@Controller()
class InheritedMessageController extends MessageController {}

@Controller()
class EventController {
  @EventPattern('all')
  event(data: unknown): unknown {
    return data;
  }
}

@Controller()
class SyncController {
  @SyncWrite()
  @Get()
  write(): void {}
}

@Controller()
@SyncWrite()
class SyncClassController extends PlainController {}

@WebSocketGateway()
class Gateway {}

@Injectable()
class CallerByType {
  constructor(readonly external: ExternalContextCreator) {}
}

@Injectable()
class CallerByToken {
  constructor(@Inject(ExternalContextCreator) @Optional() readonly external: object) {}
}

@Injectable()
class CallerByProperty {
  @Inject(ExternalContextCreator) readonly external!: object;
}

@Injectable()
class Service {
  constructor(readonly modules: ModulesContainer) {}
}

@Module({})
class MiddlewareModule implements NestModule {
  configure(): void {}
}

@Module({})
class OwnModule extends MiddlewareModule {}

const factory = { provide: 'bot', inject: [ExternalContextCreator], useFactory: () => ({}) };
const optional = {
  provide: 'bot',
  inject: [{ token: ExternalContextCreator, optional: true }],
  useFactory: () => ({}),
};

describe('needsInterceptor', () => {
  const judge = async (metadata: ModuleMetadata, opener: object = {}): Promise<boolean> => {
    const module = await Test.createTestingModule(metadata).compile();
    const sessions = { areInTokens: false };
    const isOurs = ({ metatype }: { metatype: unknown }): boolean => metatype === OwnModule;
    const modules = module.get(ModulesContainer);
    const given = { sessions, mayNeedHandler: false, ...opener } as RequestOpener;
    return needsInterceptor(given, { modules, isOurs });
  };

  it.each<[string, ModuleMetadata]>([
    ['nothing', {}],
    ['controllers and services', { controllers: [PlainController], providers: [Service] }],
    ['our own middleware', { imports: [OwnModule] }],
    [
      'a value, an alias',
      {
        providers: [
          { provide: 'value', useValue: null },
          { provide: 'alias', useExisting: 'value' },
        ],
      },
    ],
  ])('does without it for %s', async (_, metadata) => {
    expect(await judge(metadata)).toBe(false);
  });

  it.each<[string, ModuleMetadata]>([
    ['messages', { controllers: [MessageController] }],
    ['messages of a base class', { controllers: [InheritedMessageController] }],
    ['events', { controllers: [EventController] }],
    ['@SyncWrite()', { controllers: [PlainController, SyncController] }],
    ['@SyncWrite() on a class', { controllers: [SyncClassController] }],
    ['a gateway', { providers: [Gateway] }],
    ['a caller of handlers', { providers: [CallerByType] }],
    ['a caller of handlers by token', { providers: [CallerByToken] }],
    ['a caller of handlers by property', { providers: [CallerByProperty] }],
    ['a factory of callers', { providers: [factory] }],
    ['a factory of possible callers', { providers: [optional] }],
    ["other modules' middleware", { imports: [MiddlewareModule] }],
  ])('needs it for %s', async (_, metadata) => {
    expect(await judge(metadata)).toBe(true);
  });

  it('needs it for tokens, and for keys that a guard may find', async () => {
    expect(await judge({}, { sessions: { areInTokens: true } })).toBe(true);
    expect(await judge({}, { mayNeedHandler: true })).toBe(true);
  });
});
