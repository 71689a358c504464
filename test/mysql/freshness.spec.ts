import '../support/cluster/on-mariadb.js';
import '../e2e/module/freshness.spec.js';
