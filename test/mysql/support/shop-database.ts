// Tells the entities of the shop the database, as `main.ts` does before it loads them.
process.env['DATABASE_URL'] = 'mariadb://shop.invalid';
