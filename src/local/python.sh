# Sourced by the scripts at the top: sets `python` to a Python that is new enough.
for python in python3 python3.14 python3.13 python3.12 python3.11 ''; do
    if [ -z "$python" ]; then
        echo "Python 3.11 or newer is needed; on Debian 12, as root: apt-get install python3 python3-venv" >&2
        exit 1
    fi
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        break
    fi
done
