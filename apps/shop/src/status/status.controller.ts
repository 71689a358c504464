import { Controller, Get } from '@nestjs/common';
import { DataSourceRouter, InjectDataSourceRouter, type TopologyStatus } from 'nestjs-replica';

@Controller('status')
export class StatusController {
  constructor(@InjectDataSourceRouter() private readonly router: DataSourceRouter) {}

  /** Role, health, position and lag of every node. It comes from memory and asks no database. */
  @Get()
  status(): TopologyStatus {
    return this.router.topology();
  }
}
