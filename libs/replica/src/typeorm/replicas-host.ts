/** The host name of the one logical replica that TypeORM knows. */
export const REPLICAS_HOST = 'any-replica.nestjs-replica.invalid';
