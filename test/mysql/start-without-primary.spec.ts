import '../support/cluster/on-mariadb.js';
import '../integration/start-without-primary.spec.js';
