/**
 * A table whose inserts take the prepared statements of applications off their connection, and nobody learns of it. The question for
 * the position stays.
 */
export const FORGETTING = `
  CREATE TABLE forgetting (id int);
  CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE prepared text;
    BEGIN
      FOR prepared IN SELECT name FROM pg_prepared_statements WHERE name NOT LIKE 'nestjs_replica_probe%'
      LOOP EXECUTE 'DEALLOCATE ' || quote_ident(prepared); END LOOP;
      RETURN NEW;
    END $$;
  CREATE TRIGGER forget BEFORE INSERT ON forgetting FOR EACH ROW EXECUTE FUNCTION forget();`;

export const FORGET = 'INSERT INTO forgetting VALUES (1)';
