"""The Melang script language: compiler, scheduler and libraries."""
