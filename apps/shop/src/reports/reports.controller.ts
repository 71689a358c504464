import { Controller, Get } from '@nestjs/common';
import { UseReplica } from 'nestjs-replica';
import { ReportsService, type SalesReport } from './reports.service.js';

@Controller('reports')
export class ReportsController {
  constructor(private readonly reports: ReportsService) {}

  /**
   * Heavy, and nobody minds if it is five seconds old: it never waits for a replica to have the visitor's own order. It is
   * computed where it disturbs the fewest; while that replica is down, on any other.
   */
  @UseReplica({ consistency: 'bounded', maxStalenessMs: 5000, tags: [{ usage: 'reports' }, {}] })
  @Get('sales')
  sales(): Promise<SalesReport> {
    return this.reports.sales();
  }
}
