"""What every training shares: module, optimizer, EMA, resume, run folder, trainer."""
