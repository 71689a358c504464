import '../support/cluster/on-mariadb.js';
import '../e2e/module/result-cache.spec.js';
