import '../support/cluster/on-mariadb.js';
import '../integration/facts.spec.js';
