import { Controller, Get, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Account } from './accounts.js';

/** Reads accounts and adds to their balances, as any application would. */
@Controller()
export class AccountsController {
  constructor(@InjectRepository(Account) protected readonly accounts: Repository<Account>) {}

  @Get('accounts/:id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Post('accounts/:id/add')
  add(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.accounts.increment({ id }, 'balance', 1);
  }
}
