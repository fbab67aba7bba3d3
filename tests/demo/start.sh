#!/bin/sh
echo "starting"
"${PYTHON:-python3}" app.py
status=$?; echo "cleaning up"; exit $status
