import '../support/cluster/on-mariadb.js';
import '../integration/fallback-limit.spec.js';
