import {
  Controller,
  type DynamicModule,
  HttpCode,
  Inject,
  Module,
  NotFoundException,
  Param,
  Post,
  UseGuards,
} from '@nestjs/common';
import type { DatabaseNode } from 'nestjs-replica/testing';
import { ThisMachineGuard } from '../dashboard/this-machine.guard.js';

const REPLICAS = Symbol('replicas of the demo');

/** What may be done to a replica, to see how the application takes it. */
const FAULTS: Readonly<Record<string, (replica: DatabaseNode) => Promise<void>>> = {
  pause: (replica) => replica.pauseReplay(),
  resume: (replica) => replica.resumeReplay(),
  kill: (replica) => replica.kill(),
  start: (replica) => replica.start(),
};

@Controller('demo/replicas')
@UseGuards(ThisMachineGuard)
class FaultsController {
  constructor(@Inject(REPLICAS) private readonly replicas: readonly DatabaseNode[]) {}

  @Post(':name/:fault')
  @HttpCode(204)
  async cause(@Param('name') name: string, @Param('fault') fault: string): Promise<void> {
    const replica = this.replicas.find((one) => one.name === name);
    const cause = Object.hasOwn(FAULTS, fault) ? FAULTS[fault] : undefined;
    if (replica === undefined || cause === undefined) throw new NotFoundException();
    await cause(replica);
  }
}

/** Lets `npm run demo:load` pause and kill replicas of the demo's own cluster. With a database of yours it is not there. */
@Module({})
export class FaultsModule {
  static forRoot(replicas: readonly DatabaseNode[]): DynamicModule {
    return {
      module: FaultsModule,
      controllers: [FaultsController],
      providers: [{ provide: REPLICAS, useValue: replicas }],
    };
  }
}
