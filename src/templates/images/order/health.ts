import '../kit/health-check.ts';
