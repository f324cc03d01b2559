"""What people read of a run. It knows results and nothing else."""
