"""The step of `action.yml` that installs what `.dango/requirements.txt` asks for, before a sync."""
