import { Controller, HttpException, Param, ParseIntPipe, Post, Res, StreamableFile } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Readable } from 'node:stream';
import { Repository } from 'typeorm';
import { sendJson, type HttpResponse } from '../app/http-response.js';
import { Account } from './accounts.js';

/** Adds to a balance and answers, in each way that an application may answer. */
@Controller('accounts/:id')
export class ResponsesController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Post('value')
  async value(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.#add(id);
    return {};
  }

  @Post('empty')
  async empty(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.#add(id);
  }

  @Post('own-response')
  async ownResponse(@Param('id', ParseIntPipe) id: number, @Res() response: HttpResponse): Promise<void> {
    await this.#add(id);
    sendJson(response, {});
  }

  @Post('file')
  async file(@Param('id', ParseIntPipe) id: number): Promise<StreamableFile> {
    await this.#add(id);
    return new StreamableFile(Buffer.from('content'));
  }

  /** Writes after the headers have left. */
  @Post('streamed')
  streamed(@Param('id', ParseIntPipe) id: number): StreamableFile {
    const write = (): Promise<void> => this.#add(id);
    const parts = async function* (): AsyncGenerator<string> {
      yield 'the headers leave with this; ';
      await write();
      yield 'and now it is written';
    };
    return new StreamableFile(Readable.from(parts(), { objectMode: false }));
  }

  @Post('cookies')
  async cookies(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<object> {
    response.header('set-cookie', ['a=1; Path=/', 'b=2; Path=/']);
    await this.#add(id);
    return {};
  }

  /** Says in the answer whose session it is from now on. */
  @Post('login')
  async login(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<object> {
    response.header('set-cookie', `sid=visitor-${id}; Path=/`);
    await this.#add(id);
    return {};
  }

  @Post('fails')
  async fails(@Param('id', ParseIntPipe) id: number): Promise<never> {
    await this.#add(id);
    throw new HttpException('written, and failed', 418);
  }

  @Post('breaks')
  async breaks(@Param('id', ParseIntPipe) id: number): Promise<never> {
    await this.#add(id);
    throw new Error('a mistake of the handler');
  }

  async #add(id: number): Promise<void> {
    await this.accounts.increment({ id }, 'balance', 1);
  }
}
