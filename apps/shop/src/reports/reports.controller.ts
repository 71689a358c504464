import { Controller, Get } from '@nestjs/common';
import { UseReplica } from 'nestjs-replica';
import { ReportsService, type SalesReport } from './reports.service.js';

@Controller('reports')
export class ReportsController {
  constructor(private readonly reports: ReportsService) {}

  /**
   * The report is heavy, and nobody minds if it is five seconds old. So it does not wait until a replica has the visitor's own
   * order. It runs on the replica where it disturbs the fewest, or on any other while that one is down.
   */
  @UseReplica({ consistency: 'bounded', maxStalenessMs: 5000, tags: [{ usage: 'reports' }, {}] })
  @Get('sales')
  sales(): Promise<SalesReport> {
    return this.reports.sales();
  }
}
